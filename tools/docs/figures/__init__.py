"""One figure for each group of parameters, measured on renders."""
