"""Where files come from, and who vouches for them: dpkg, directories, module trees."""
