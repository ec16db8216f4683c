"""How the store on disk came to be; run on every start."""
