"""Why a classifier said what it said: where it looked, and which measurements it used."""
