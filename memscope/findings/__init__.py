"""What a command's findings are in words: from its report, without a terminal, a module for each command."""
