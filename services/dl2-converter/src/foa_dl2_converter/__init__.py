"""The dl2-converter: DL1 → DL2 with the Random Forests of the nearest declination line."""
