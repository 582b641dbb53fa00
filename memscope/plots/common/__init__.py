"""What several figures share: how they look, what they say of the run, two kinds of models beside each other."""
