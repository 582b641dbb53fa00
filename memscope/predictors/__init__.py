"""Networks that give an image one number, such as how well people remember it."""
