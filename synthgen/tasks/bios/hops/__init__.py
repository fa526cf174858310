"""Questions of one hop and more along relations between people, with their answers."""
