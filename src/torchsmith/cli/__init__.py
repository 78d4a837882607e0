"""The command line: writes plans and reads run folders; all is there in Python too."""
