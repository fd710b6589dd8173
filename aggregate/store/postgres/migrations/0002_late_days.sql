-- Days, counted in UTC, in which rows were written, changed or taken out late; kept until TimescaleDB's aggregates of local
-- time have been refreshed for them. Rows are only added, so that writers need not wait for one another.
CREATE TABLE late_days (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    start timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now()
);
