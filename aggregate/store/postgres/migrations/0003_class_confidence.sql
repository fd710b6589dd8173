-- The probability that the class of a final row is right, 0..1; NULL in provisional rows, and in those of before.
ALTER TABLE crossings ADD COLUMN class_confidence double precision;
