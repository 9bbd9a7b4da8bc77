"""Many banks in one index: import of folders, search by name and by sound, previews, audition, exchange."""
