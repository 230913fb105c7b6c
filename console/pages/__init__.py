"""Pages: one module a word of the menu, found by themselves. What a module has to declare is told in `console`."""
