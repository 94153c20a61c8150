"""What the tables of each paper hold, and how they are asked: for claims, figures and the runs that fill them."""
