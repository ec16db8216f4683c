"""Paper 3: feature random enhancement in an SE-U-Net, its variants, and the search for B and X."""
