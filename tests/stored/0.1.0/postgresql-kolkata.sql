SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.add_volumes(changed_kind text, changed_place text, changed_start timestamp with time zone, starts timestamp with time zone[], changed text[], hour integer[], counts integer[], provisionals integer[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
DECLARE
    day volume_days;
    named text[];
    width integer := 4 * cardinality(starts);
    number integer;
    at integer;
BEGIN
    LOOP
        SELECT * INTO day FROM volume_days
        WHERE kind = changed_kind AND place = changed_place AND start = changed_start FOR UPDATE;
        EXIT WHEN FOUND;
        SELECT array_agg(name ORDER BY rank) INTO named
        FROM (
            SELECT hours, string_to_array(series, chr(30)) AS names FROM volume_days AS before
            WHERE kind = changed_kind AND place = changed_place AND start < changed_start ORDER BY start DESC LIMIT 1
        ) AS before, unnest(names) WITH ORDINALITY AS known (name, rank),
            LATERAL (SELECT length(hours) / (1 + cardinality(names))) AS its (size)
        WHERE substr(hours, (size * rank)::integer + 1, size) <> zeros(size);
        INSERT INTO volume_days VALUES (
            changed_kind, changed_place, changed_start, coalesce(array_to_string(named, chr(30)), ''),
            (SELECT string_agg(int4send((extract(epoch FROM start) / 60)::integer), '' ORDER BY start) FROM unnest(starts) AS start)
                || zeros(width * coalesce(cardinality(named), 0)))
        ON CONFLICT DO NOTHING;
    END LOOP;
    named := string_to_array(day.series, chr(30));
    FOR change IN 1 .. cardinality(changed) LOOP
        number := array_position(named, changed[change]);
        IF number IS NULL THEN
            named := named || changed[change];
            number := cardinality(named);
            day.hours := day.hours || zeros(width);
            day.provisional := day.provisional || zeros(width);
        END IF;
        at := width * number + 4 * hour[change];
        day.hours := overlay(day.hours PLACING int4send(int4_at(day.hours, at) + counts[change]) FROM at + 1);
        IF provisionals[change] <> 0 THEN
            day.provisional := coalesce(day.provisional, zeros(length(day.hours)));
            day.provisional := overlay(day.provisional
                PLACING int4send(int4_at(day.provisional, at) + provisionals[change]) FROM at + 1);
        END IF;
    END LOOP;
    UPDATE volume_days
    SET series = array_to_string(named, chr(30)), hours = day.hours,
        provisional = nullif(day.provisional, zeros(length(day.hours)))
    WHERE kind = changed_kind AND place = changed_place AND start = changed_start;
END $$;
CREATE FUNCTION public.int4_at(packed bytea, at integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((((get_byte(packed, at) << 24) | (get_byte(packed, (at + 1)) << 16)) | (get_byte(packed, (at + 2)) << 8)) | get_byte(packed, (at + 3)));
CREATE FUNCTION public.int8_at(packed bytea, at integer) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((public.int4_at(packed, at))::bigint << 32) | ((public.int4_at(packed, (at + 4)))::bigint & '4294967295'::bigint));
CREATE FUNCTION public.roll_up_coverage_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT camera, start, hours, width_bucket(minute, hours) - 1 AS hour,
            sum(sign * observed_us) AS observed_us, sum(sign * frames) AS frames, sum(sign * dropped) AS dropped
        FROM (SELECT *, 1 AS sign FROM added) AS changed CROSS JOIN site JOIN local_days ON day = (minute AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4
    LOOP
        LOOP
            UPDATE coverage_days
            SET observed_us = observed_us + change.observed_us, frames = frames + change.frames,
                dropped = dropped + change.dropped,
                hours = overlay(hours PLACING int8send((int8_at(hours, 28 * (change.hour) + 4) + change.observed_us)::bigint) || int8send((int8_at(hours, 28 * (change.hour) + 12) + change.frames)::bigint) || int8send((int8_at(hours, 28 * (change.hour) + 20) + change.dropped)::bigint) FROM 28 * (change.hour) + 5)
            WHERE camera = change.camera AND start = change.start;
            EXIT WHEN FOUND;
            INSERT INTO coverage_days VALUES (change.camera, change.start, 0, 0, 0,
                (SELECT string_agg(int4send((extract(epoch FROM start) / 60)::integer) || '\x000000000000000000000000000000000000000000000000', '' ORDER BY start) FROM unnest(change.hours) AS start)) ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$;
CREATE FUNCTION public.roll_up_coverage_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT camera, start, hours, width_bucket(minute, hours) - 1 AS hour,
            sum(sign * observed_us) AS observed_us, sum(sign * frames) AS frames, sum(sign * dropped) AS dropped
        FROM (SELECT *, 1 AS sign FROM added UNION ALL SELECT *, -1 FROM gone) AS changed CROSS JOIN site JOIN local_days ON day = (minute AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4
    LOOP
        LOOP
            UPDATE coverage_days
            SET observed_us = observed_us + change.observed_us, frames = frames + change.frames,
                dropped = dropped + change.dropped,
                hours = overlay(hours PLACING int8send((int8_at(hours, 28 * (change.hour) + 4) + change.observed_us)::bigint) || int8send((int8_at(hours, 28 * (change.hour) + 12) + change.frames)::bigint) || int8send((int8_at(hours, 28 * (change.hour) + 20) + change.dropped)::bigint) FROM 28 * (change.hour) + 5)
            WHERE camera = change.camera AND start = change.start;
            EXIT WHEN FOUND;
            INSERT INTO coverage_days VALUES (change.camera, change.start, 0, 0, 0,
                (SELECT string_agg(int4send((extract(epoch FROM start) / 60)::integer) || '\x000000000000000000000000000000000000000000000000', '' ORDER BY start) FROM unnest(change.hours) AS start)) ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$;
CREATE FUNCTION public.roll_up_crossings_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    PERFORM add_volumes('line', place, start, hours, array_agg(name), array_agg(hour), array_agg(counted),
        array_agg(open))
    FROM (
        SELECT line AS place, start, hours, direction || chr(31) || road_user AS name,
            (width_bucket(at, hours) - 1) AS hour,
            (-1 * count(*))::integer AS counted,
            (-1 * count(*) FILTER (WHERE NOT final))::integer AS open
        FROM changed CROSS JOIN site JOIN local_days ON day = (at AT TIME ZONE timezone)::date
        GROUP BY 1, day, 4, 5
        ORDER BY 1, 2
    ) AS changes
    GROUP BY place, start, hours
    ORDER BY place, start;
    RETURN NULL;
END $$;
CREATE FUNCTION public.roll_up_crossings_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    PERFORM add_volumes('line', place, start, hours, array_agg(name), array_agg(hour), array_agg(counted),
        array_agg(open))
    FROM (
        SELECT line AS place, start, hours, direction || chr(31) || road_user AS name,
            (width_bucket(at, hours) - 1) AS hour,
            (1 * count(*))::integer AS counted,
            (1 * count(*) FILTER (WHERE NOT final))::integer AS open
        FROM changed CROSS JOIN site JOIN local_days ON day = (at AT TIME ZONE timezone)::date
        GROUP BY 1, day, 4, 5
        ORDER BY 1, 2
    ) AS changes
    GROUP BY place, start, hours
    ORDER BY place, start;
    RETURN NULL;
END $$;
CREATE FUNCTION public.roll_up_visits_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    PERFORM add_volumes('zone', place, start, hours, array_agg(name), array_agg(hour), array_agg(counted),
        array_agg(open))
    FROM (
        SELECT zone AS place, start, hours, 'entered' || chr(31) || road_user AS name,
            (width_bucket(entered_at, hours) - 1) AS hour,
            (-1 * count(*))::integer AS counted,
            (-1 * count(*) FILTER (WHERE NOT final))::integer AS open
        FROM changed CROSS JOIN site JOIN local_days ON day = (entered_at AT TIME ZONE timezone)::date
        GROUP BY 1, day, 4, 5
        ORDER BY 1, 2
    ) AS changes
    GROUP BY place, start, hours
    ORDER BY place, start;
    RETURN NULL;
END $$;
CREATE FUNCTION public.roll_up_visits_insert() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    change record;
BEGIN
    PERFORM add_volumes('zone', place, start, hours, array_agg(name), array_agg(hour), array_agg(counted),
        array_agg(open))
    FROM (
        SELECT zone AS place, start, hours, 'entered' || chr(31) || road_user AS name,
            (width_bucket(entered_at, hours) - 1) AS hour,
            (1 * count(*))::integer AS counted,
            (1 * count(*) FILTER (WHERE NOT final))::integer AS open
        FROM changed CROSS JOIN site JOIN local_days ON day = (entered_at AT TIME ZONE timezone)::date
        GROUP BY 1, day, 4, 5
        ORDER BY 1, 2
    ) AS changes
    GROUP BY place, start, hours
    ORDER BY place, start;
    RETURN NULL;
END $$;
CREATE FUNCTION public.time_of(us bigint) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ('1970-01-01 00:00:00+00'::timestamp with time zone + ((us)::double precision * '00:00:00.000001'::interval));
CREATE FUNCTION public.us_of(at timestamp with time zone) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((EXTRACT(epoch FROM at) * (1000000)::numeric))::bigint;
CREATE FUNCTION public.zeros(size integer) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN decode(repeat('00'::text, size), 'hex'::text);
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.cameras (
    id text NOT NULL,
    name text NOT NULL,
    source text NOT NULL
);
CREATE TABLE public.coverage (
    camera text NOT NULL,
    session text NOT NULL,
    minute timestamp with time zone NOT NULL,
    observed_us bigint NOT NULL,
    frames bigint NOT NULL,
    dropped bigint NOT NULL,
    CONSTRAINT coverage_minute_check CHECK ((minute >= '1970-01-01 00:00:00+00'::timestamp with time zone))
);
CREATE VIEW public.coverage_15m AS
 SELECT public.us_of(counted.start) AS start_us,
    counted.camera,
    counted.observed_us,
    counted.frames,
    counted.dropped,
    counted.start
   FROM ( SELECT date_bin('00:15:00'::interval, coverage.minute, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            coverage.camera,
            (sum(coverage.observed_us))::bigint AS observed_us,
            (sum(coverage.frames))::bigint AS frames,
            (sum(coverage.dropped))::bigint AS dropped
           FROM public.coverage
          GROUP BY (date_bin('00:15:00'::interval, coverage.minute, '1970-01-01 00:00:00+00'::timestamp with time zone)), coverage.camera) counted;
CREATE TABLE public.coverage_days (
    camera text NOT NULL,
    start timestamp with time zone NOT NULL,
    observed_us bigint NOT NULL,
    frames bigint NOT NULL,
    dropped bigint NOT NULL,
    hours bytea NOT NULL
)
WITH (fillfactor='70');
CREATE VIEW public.coverage_1d AS
 SELECT public.us_of(coverage_days.start) AS start_us,
    coverage_days.camera,
    coverage_days.observed_us,
    coverage_days.frames,
    coverage_days.dropped,
    coverage_days.start,
    coverage_days.hours
   FROM public.coverage_days;
CREATE VIEW public.coverage_1h AS
 SELECT public.us_of(hour.start) AS start_us,
    coverage_days.camera,
    hour.observed_us,
    hour.frames,
    hour.dropped,
    hour.start
   FROM public.coverage_days,
    LATERAL ( SELECT ('1970-01-01 00:00:00+00'::timestamp with time zone + ((public.int4_at(coverage_days.hours, ((28 * number.number) + 0)))::double precision * '00:01:00'::interval)) AS start,
            public.int8_at(coverage_days.hours, ((28 * number.number) + 4)) AS observed_us,
            public.int8_at(coverage_days.hours, ((28 * number.number) + 12)) AS frames,
            public.int8_at(coverage_days.hours, ((28 * number.number) + 20)) AS dropped
           FROM generate_series(0, ((length(coverage_days.hours) / 28) - 1)) number(number)) hour
  WHERE ((hour.observed_us > 0) OR (hour.frames > 0) OR (hour.dropped > 0));
CREATE VIEW public.coverage_1m AS
 SELECT public.us_of(counted.start) AS start_us,
    counted.camera,
    counted.observed_us,
    counted.frames,
    counted.dropped,
    counted.start
   FROM ( SELECT date_bin('00:01:00'::interval, coverage.minute, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            coverage.camera,
            (sum(coverage.observed_us))::bigint AS observed_us,
            (sum(coverage.frames))::bigint AS frames,
            (sum(coverage.dropped))::bigint AS dropped
           FROM public.coverage
          GROUP BY (date_bin('00:01:00'::interval, coverage.minute, '1970-01-01 00:00:00+00'::timestamp with time zone)), coverage.camera) counted;
CREATE TABLE public.crossings (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    line text NOT NULL,
    ordinal integer NOT NULL,
    at timestamp with time zone NOT NULL,
    direction text NOT NULL,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL,
    CONSTRAINT crossings_at_check CHECK ((at >= '1970-01-01 00:00:00+00'::timestamp with time zone))
);
CREATE TABLE public.geometry (
    kind text NOT NULL,
    id text NOT NULL,
    version text NOT NULL,
    camera text NOT NULL,
    definition text NOT NULL,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT geometry_kind_check CHECK ((kind = ANY (ARRAY['line'::text, 'zone'::text, 'movement'::text])))
);
CREATE TABLE public.late_days (
    id bigint NOT NULL,
    start timestamp with time zone NOT NULL,
    noted_at timestamp with time zone DEFAULT now() NOT NULL
);
ALTER TABLE public.late_days ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.late_days_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.volume_days (
    kind text NOT NULL,
    place text NOT NULL,
    start timestamp with time zone NOT NULL,
    series text NOT NULL,
    hours bytea NOT NULL,
    provisional bytea
)
WITH (fillfactor='50', toast_tuple_target='8160');
ALTER TABLE ONLY public.volume_days ALTER COLUMN hours SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.volume_days ALTER COLUMN provisional SET STORAGE EXTERNAL;
CREATE VIEW public.line_days AS
 SELECT volume_days.place,
    volume_days.start,
    volume_days.series,
    volume_days.hours,
    volume_days.provisional
   FROM public.volume_days
  WHERE (volume_days.kind = 'line'::text);
CREATE TABLE public.live_endpoints (
    camera text NOT NULL,
    url text NOT NULL,
    seen_at timestamp with time zone NOT NULL
);
CREATE TABLE public.local_days (
    day date NOT NULL,
    start timestamp with time zone NOT NULL,
    until timestamp with time zone NOT NULL,
    hours timestamp with time zone[] NOT NULL
);
CREATE TABLE public.movements (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    movement text NOT NULL,
    ordinal integer NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    at timestamp with time zone NOT NULL,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL,
    CONSTRAINT movements_entered_at_check CHECK ((entered_at >= '1970-01-01 00:00:00+00'::timestamp with time zone))
);
CREATE TABLE public.schema_version (
    version integer NOT NULL,
    timescale boolean NOT NULL
);
CREATE TABLE public.site (
    only_row boolean DEFAULT true NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    timezone text NOT NULL,
    policies text DEFAULT ''::text NOT NULL,
    CONSTRAINT site_only_row_check CHECK (only_row)
);
CREATE TABLE public.trajectories (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL,
    road_user text NOT NULL,
    aspect double precision NOT NULL,
    points bytea NOT NULL,
    CONSTRAINT trajectories_started_at_check CHECK ((started_at >= '1970-01-01 00:00:00+00'::timestamp with time zone))
);
CREATE TABLE public.visits (
    camera text NOT NULL,
    session text NOT NULL,
    track_id bigint NOT NULL,
    zone text NOT NULL,
    ordinal integer NOT NULL,
    entered_at timestamp with time zone NOT NULL,
    left_at timestamp with time zone,
    road_user text NOT NULL,
    final boolean NOT NULL,
    geometry text NOT NULL,
    CONSTRAINT visits_entered_at_check CHECK ((entered_at >= '1970-01-01 00:00:00+00'::timestamp with time zone))
);
CREATE VIEW public.volume_15m AS
 SELECT public.us_of(counted.start) AS start_us,
    counted.kind,
    counted.place,
    counted.direction,
    counted.road_user,
    counted.count,
    counted.provisional,
    counted.start,
    counted.quarter
   FROM ( SELECT date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS quarter,
            'line'::text AS kind,
            crossings.line AS place,
            crossings.direction,
            crossings.road_user,
            count(*) AS count,
            count(*) FILTER (WHERE (NOT crossings.final)) AS provisional
           FROM public.crossings
          GROUP BY (date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone)), (date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone)), crossings.line, crossings.direction, crossings.road_user
        UNION ALL
         SELECT date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS quarter,
            'zone'::text AS kind,
            visits.zone AS place,
            'entered'::text AS direction,
            visits.road_user,
            count(*) AS count,
            count(*) FILTER (WHERE (NOT visits.final)) AS provisional
           FROM public.visits
          GROUP BY (date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone)), (date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone)), visits.zone, 'entered'::text, visits.road_user) counted;
CREATE VIEW public.volume_hours AS
 SELECT volume_days.kind,
    volume_days.place,
    volume_days.start AS day,
    split_part(named.name, chr(31), 1) AS direction,
    split_part(named.name, chr(31), 2) AS road_user,
    ('1970-01-01 00:00:00+00'::timestamp with time zone + ((public.int4_at(volume_days.hours, (4 * hour.hour)))::double precision * '00:01:00'::interval)) AS start,
    (public.int4_at(volume_days.hours, place_of.at))::bigint AS count,
        CASE
            WHEN (volume_days.provisional IS NULL) THEN (0)::bigint
            ELSE (public.int4_at(volume_days.provisional, place_of.at))::bigint
        END AS provisional
   FROM public.volume_days,
    LATERAL string_to_array(volume_days.series, chr(30)) names(names),
    LATERAL unnest(names.names) WITH ORDINALITY named(name, number),
    LATERAL ( SELECT ((length(volume_days.hours) / 4) / (1 + cardinality(names.names))) AS "?column?") size(columns),
    LATERAL generate_series(0, (size.columns - 1)) hour(hour),
    LATERAL ( SELECT ((4 * ((size.columns * named.number) + hour.hour)))::integer AS int4) place_of(at);
CREATE VIEW public.volume_1d AS
 SELECT public.us_of(volume_hours.day) AS start_us,
    volume_hours.kind,
    volume_hours.place,
    volume_hours.direction,
    volume_hours.road_user,
    (sum(volume_hours.count))::bigint AS count,
    (sum(volume_hours.provisional))::bigint AS provisional,
    volume_hours.day AS start
   FROM public.volume_hours
  GROUP BY volume_hours.kind, volume_hours.place, volume_hours.day, volume_hours.direction, volume_hours.road_user
 HAVING (sum(volume_hours.count) > (0)::numeric);
CREATE VIEW public.volume_1h AS
 SELECT public.us_of(volume_hours.start) AS start_us,
    volume_hours.kind,
    volume_hours.place,
    volume_hours.direction,
    volume_hours.road_user,
    volume_hours.count,
    volume_hours.provisional,
    volume_hours.start
   FROM public.volume_hours
  WHERE (volume_hours.count > 0);
CREATE VIEW public.volume_1m AS
 SELECT public.us_of(counted.start) AS start_us,
    counted.kind,
    counted.place,
    counted.direction,
    counted.road_user,
    counted.count,
    counted.provisional,
    counted.start,
    counted.quarter
   FROM ( SELECT date_bin('00:01:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS quarter,
            'line'::text AS kind,
            crossings.line AS place,
            crossings.direction,
            crossings.road_user,
            count(*) AS count,
            count(*) FILTER (WHERE (NOT crossings.final)) AS provisional
           FROM public.crossings
          GROUP BY (date_bin('00:01:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone)), (date_bin('00:15:00'::interval, crossings.at, '1970-01-01 00:00:00+00'::timestamp with time zone)), crossings.line, crossings.direction, crossings.road_user
        UNION ALL
         SELECT date_bin('00:01:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS start,
            date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone) AS quarter,
            'zone'::text AS kind,
            visits.zone AS place,
            'entered'::text AS direction,
            visits.road_user,
            count(*) AS count,
            count(*) FILTER (WHERE (NOT visits.final)) AS provisional
           FROM public.visits
          GROUP BY (date_bin('00:01:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone)), (date_bin('00:15:00'::interval, visits.entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone)), visits.zone, 'entered'::text, visits.road_user) counted;
CREATE VIEW public.zone_days AS
 SELECT volume_days.place,
    volume_days.start,
    volume_days.series,
    volume_days.hours,
    volume_days.provisional
   FROM public.volume_days
  WHERE (volume_days.kind = 'zone'::text);
INSERT INTO public.cameras VALUES ('north', '', 'rtsp://10.0.0.5/stream2');
INSERT INTO public.coverage VALUES ('north', 's1', '2025-05-06 05:00:00+00', 60000000, 600, 3);
INSERT INTO public.coverage VALUES ('north', 's1', '2025-05-06 18:30:00+00', 45000000, 450, 1);
INSERT INTO public.coverage VALUES ('north', 's1', '2025-05-06 05:01:00+00', 30000000, 300, 0);
INSERT INTO public.coverage_days VALUES ('north', '2025-05-05 18:30:00+00', 90000000, 900, 3, '\x01bc267600000000000000000000000000000000000000000000000001bc26b200000000000000000000000000000000000000000000000001bc26ee00000000000000000000000000000000000000000000000001bc272a00000000000000000000000000000000000000000000000001bc276600000000000000000000000000000000000000000000000001bc27a200000000000000000000000000000000000000000000000001bc27de00000000000000000000000000000000000000000000000001bc281a00000000000000000000000000000000000000000000000001bc285600000000000000000000000000000000000000000000000001bc289200000000000000000000000000000000000000000000000001bc28ce00000000055d4a800000000000000384000000000000000301bc290a00000000000000000000000000000000000000000000000001bc294600000000000000000000000000000000000000000000000001bc298200000000000000000000000000000000000000000000000001bc29be00000000000000000000000000000000000000000000000001bc29fa00000000000000000000000000000000000000000000000001bc2a3600000000000000000000000000000000000000000000000001bc2a7200000000000000000000000000000000000000000000000001bc2aae00000000000000000000000000000000000000000000000001bc2aea00000000000000000000000000000000000000000000000001bc2b2600000000000000000000000000000000000000000000000001bc2b6200000000000000000000000000000000000000000000000001bc2b9e00000000000000000000000000000000000000000000000001bc2bda000000000000000000000000000000000000000000000000');
INSERT INTO public.coverage_days VALUES ('north', '2025-05-06 18:30:00+00', 45000000, 450, 1, '\x01bc2c160000000002aea54000000000000001c2000000000000000101bc2c5200000000000000000000000000000000000000000000000001bc2c8e00000000000000000000000000000000000000000000000001bc2cca00000000000000000000000000000000000000000000000001bc2d0600000000000000000000000000000000000000000000000001bc2d4200000000000000000000000000000000000000000000000001bc2d7e00000000000000000000000000000000000000000000000001bc2dba00000000000000000000000000000000000000000000000001bc2df600000000000000000000000000000000000000000000000001bc2e3200000000000000000000000000000000000000000000000001bc2e6e00000000000000000000000000000000000000000000000001bc2eaa00000000000000000000000000000000000000000000000001bc2ee600000000000000000000000000000000000000000000000001bc2f2200000000000000000000000000000000000000000000000001bc2f5e00000000000000000000000000000000000000000000000001bc2f9a00000000000000000000000000000000000000000000000001bc2fd600000000000000000000000000000000000000000000000001bc301200000000000000000000000000000000000000000000000001bc304e00000000000000000000000000000000000000000000000001bc308a00000000000000000000000000000000000000000000000001bc30c600000000000000000000000000000000000000000000000001bc310200000000000000000000000000000000000000000000000001bc313e00000000000000000000000000000000000000000000000001bc317a000000000000000000000000000000000000000000000000');
INSERT INTO public.crossings VALUES ('north', 's1', 1, 'stop', 0, '2025-05-06 04:59:30+00', 'down', 'car', true, 'v1');
INSERT INTO public.crossings VALUES ('north', 's1', 2, 'stop', 0, '2025-05-06 05:00:10+00', 'down', 'car', true, 'v1');
INSERT INTO public.crossings VALUES ('north', 's1', 3, 'stop', 0, '2025-05-06 18:29:59+00', 'up', 'bus', true, 'v1');
INSERT INTO public.crossings VALUES ('north', 's1', 4, 'stop', 0, '2025-05-06 18:30:00+00', 'down', 'car', false, 'v1');
INSERT INTO public.crossings VALUES ('north', 's1', 5, 'stop', 0, '2025-05-06 18:31:00+00', 'down', 'cyclist', true, 'v1');
INSERT INTO public.geometry VALUES ('line', 'stop', '0795675ddbb0', 'north', '{"anchor": "bottom_centre", "directions": null, "id": "stop", "name": "", "points": [[0.1, 0.5], [0.9, 0.5]]}', '2026-11-26 22:22:40.121648+00');
INSERT INTO public.geometry VALUES ('zone', 'crossing', 'e700d3dbc81a', 'north', '{"anchor": "bottom_centre", "id": "crossing", "name": "", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}', '2026-11-26 22:22:40.121648+00');
INSERT INTO public.geometry VALUES ('movement', 'through', 'e3f43917d473', 'north', '{"from": {"direction": null, "line": "stop", "zone": null}, "id": "through", "name": "", "to": {"direction": null, "line": null, "zone": "crossing"}}', '2026-11-26 22:22:40.121648+00');
INSERT INTO public.live_endpoints VALUES ('north', 'http://10.0.0.7:8001', '2025-05-06 18:31:00+00');
INSERT INTO public.local_days VALUES ('2025-05-06', '2025-05-05 18:30:00+00', '2025-05-06 18:30:00+00', '{"2025-05-05 18:30:00+00","2025-05-05 19:30:00+00","2025-05-05 20:30:00+00","2025-05-05 21:30:00+00","2025-05-05 22:30:00+00","2025-05-05 23:30:00+00","2025-05-06 00:30:00+00","2025-05-06 01:30:00+00","2025-05-06 02:30:00+00","2025-05-06 03:30:00+00","2025-05-06 04:30:00+00","2025-05-06 05:30:00+00","2025-05-06 06:30:00+00","2025-05-06 07:30:00+00","2025-05-06 08:30:00+00","2025-05-06 09:30:00+00","2025-05-06 10:30:00+00","2025-05-06 11:30:00+00","2025-05-06 12:30:00+00","2025-05-06 13:30:00+00","2025-05-06 14:30:00+00","2025-05-06 15:30:00+00","2025-05-06 16:30:00+00","2025-05-06 17:30:00+00"}');
INSERT INTO public.local_days VALUES ('2025-05-07', '2025-05-06 18:30:00+00', '2025-05-07 18:30:00+00', '{"2025-05-06 18:30:00+00","2025-05-06 19:30:00+00","2025-05-06 20:30:00+00","2025-05-06 21:30:00+00","2025-05-06 22:30:00+00","2025-05-06 23:30:00+00","2025-05-07 00:30:00+00","2025-05-07 01:30:00+00","2025-05-07 02:30:00+00","2025-05-07 03:30:00+00","2025-05-07 04:30:00+00","2025-05-07 05:30:00+00","2025-05-07 06:30:00+00","2025-05-07 07:30:00+00","2025-05-07 08:30:00+00","2025-05-07 09:30:00+00","2025-05-07 10:30:00+00","2025-05-07 11:30:00+00","2025-05-07 12:30:00+00","2025-05-07 13:30:00+00","2025-05-07 14:30:00+00","2025-05-07 15:30:00+00","2025-05-07 16:30:00+00","2025-05-07 17:30:00+00"}');
INSERT INTO public.movements VALUES ('north', 's1', 2, 'through', 0, '2025-05-06 05:00:10+00', '2025-05-06 05:00:30+00', 'car', true, 'v1');
INSERT INTO public.schema_version VALUES (2, false);
INSERT INTO public.site VALUES (true, 's', 'Old town', 'Asia/Kolkata', '');
INSERT INTO public.trajectories VALUES ('north', 's1', 2, '2025-05-06 05:00:05+00', '2025-05-06 05:00:10+00', 'car', 1.5, '\x0140bf647d70340600020000004889637060f066f0616048336113660082b3c63c28f4ac344931100d00697804f8');
INSERT INTO public.visits VALUES ('north', 's1', 1, 'crossing', 0, '2025-05-06 05:00:20+00', '2025-05-06 05:00:25+00', 'pedestrian', true, 'v1');
INSERT INTO public.visits VALUES ('north', 's1', 5, 'crossing', 0, '2025-05-06 18:31:00+00', NULL, 'pedestrian', false, 'v1');
INSERT INTO public.volume_days VALUES ('zone', 'crossing', '2025-05-05 18:30:00+00', 'enteredpedestrian', '\x01bc267601bc26b201bc26ee01bc272a01bc276601bc27a201bc27de01bc281a01bc285601bc289201bc28ce01bc290a01bc294601bc298201bc29be01bc29fa01bc2a3601bc2a7201bc2aae01bc2aea01bc2b2601bc2b6201bc2b9e01bc2bda000000000000000000000000000000000000000000000000000000000000000000000000000000000000000100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', NULL);
INSERT INTO public.volume_days VALUES ('line', 'stop', '2025-05-06 18:30:00+00', 'upcardowncarupbusdowncyclist', '\x01bc2c1601bc2c5201bc2c8e01bc2cca01bc2d0601bc2d4201bc2d7e01bc2dba01bc2df601bc2e3201bc2e6e01bc2eaa01bc2ee601bc2f2201bc2f5e01bc2f9a01bc2fd601bc301201bc304e01bc308a01bc30c601bc310201bc313e01bc317a000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', '\x000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO public.volume_days VALUES ('line', 'stop', '2025-05-05 18:30:00+00', 'upcaruptruckdowncarupbus', '\x01bc267601bc26b201bc26ee01bc272a01bc276601bc27a201bc27de01bc281a01bc285601bc289201bc28ce01bc290a01bc294601bc298201bc29be01bc29fa01bc2a3601bc2a7201bc2aae01bc2aea01bc2b2601bc2b6201bc2b9e01bc2bda000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000200000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001', NULL);
INSERT INTO public.volume_days VALUES ('zone', 'crossing', '2025-05-06 18:30:00+00', 'enteredpedestrian', '\x01bc2c1601bc2c5201bc2c8e01bc2cca01bc2d0601bc2d4201bc2d7e01bc2dba01bc2df601bc2e3201bc2e6e01bc2eaa01bc2ee601bc2f2201bc2f5e01bc2f9a01bc2fd601bc301201bc304e01bc308a01bc30c601bc310201bc313e01bc317a000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', '\x000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000');
SELECT pg_catalog.setval('public.late_days_id_seq', 1, false);
ALTER TABLE ONLY public.cameras
    ADD CONSTRAINT cameras_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.coverage_days
    ADD CONSTRAINT coverage_days_pkey PRIMARY KEY (camera, start);
ALTER TABLE ONLY public.coverage
    ADD CONSTRAINT coverage_pkey PRIMARY KEY (camera, minute, session);
ALTER TABLE ONLY public.geometry
    ADD CONSTRAINT geometry_pkey PRIMARY KEY (kind, id, version);
ALTER TABLE ONLY public.late_days
    ADD CONSTRAINT late_days_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.live_endpoints
    ADD CONSTRAINT live_endpoints_pkey PRIMARY KEY (camera);
ALTER TABLE ONLY public.local_days
    ADD CONSTRAINT local_days_pkey PRIMARY KEY (day);
ALTER TABLE ONLY public.site
    ADD CONSTRAINT site_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY public.volume_days
    ADD CONSTRAINT volume_days_pkey PRIMARY KEY (kind, place, start);
CREATE INDEX coverage_by_time ON public.coverage USING btree (minute) WHERE (observed_us > 0);
CREATE INDEX crossings_by_quarter ON public.crossings USING btree (line, date_bin('00:15:00'::interval, at, '1970-01-01 00:00:00+00'::timestamp with time zone));
CREATE INDEX crossings_by_time ON public.crossings USING btree (line, at);
CREATE UNIQUE INDEX crossings_key ON public.crossings USING btree (camera, session, track_id, line, ordinal);
CREATE INDEX movements_by_time ON public.movements USING btree (at);
CREATE UNIQUE INDEX movements_key ON public.movements USING btree (camera, session, track_id, movement, ordinal);
CREATE INDEX trajectories_by_start ON public.trajectories USING btree (camera, started_at);
CREATE UNIQUE INDEX trajectories_key ON public.trajectories USING btree (camera, session, track_id);
CREATE INDEX visits_by_entry ON public.visits USING btree (zone, entered_at);
CREATE INDEX visits_by_exit ON public.visits USING btree (zone, left_at);
CREATE INDEX visits_by_quarter ON public.visits USING btree (zone, date_bin('00:15:00'::interval, entered_at, '1970-01-01 00:00:00+00'::timestamp with time zone));
CREATE UNIQUE INDEX visits_key ON public.visits USING btree (camera, session, track_id, zone, ordinal);
CREATE TRIGGER roll_up_coverage_insert AFTER INSERT ON public.coverage REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_coverage_insert();
CREATE TRIGGER roll_up_coverage_update AFTER UPDATE ON public.coverage REFERENCING OLD TABLE AS gone NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_coverage_update();
CREATE TRIGGER roll_up_crossings_delete AFTER DELETE ON public.crossings REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_crossings_delete();
CREATE TRIGGER roll_up_crossings_insert AFTER INSERT ON public.crossings REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_crossings_insert();
CREATE TRIGGER roll_up_visits_delete AFTER DELETE ON public.visits REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_visits_delete();
CREATE TRIGGER roll_up_visits_insert AFTER INSERT ON public.visits REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.roll_up_visits_insert();
