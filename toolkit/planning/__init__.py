"""What scores could tell, before they are fitted or even measured."""
