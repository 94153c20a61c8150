"""What the tables of each paper hold, and how they are asked: for claims and figures."""
