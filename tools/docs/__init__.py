"""Fill the tables in the documents (`generate`) and draw their figures (`figures`)."""
