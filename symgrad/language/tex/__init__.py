"""LaTeX as students type it, read into the trees of the text language. Begin with `read`."""
