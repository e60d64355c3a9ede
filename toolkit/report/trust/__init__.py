"""What a reader who distrusts us asks: reporting guidelines and threats to validity."""
