"""What several figures share: style, captions, the comparison of two kinds of models, and writing to files."""
