CREATE OR REPLACE FUNCTION refold_wait(projection text, "position" text, timeout interval) RETURNS boolean
	LANGUAGE plpgsql VOLATILE
	SET search_path FROM CURRENT
AS $$
DECLARE
	-- The aggregate, the subject, which is escaped as in the path of a URL, and the sequence.
	wanted text[] := regexp_match("position", '^([^/]+)/(.+)@([0-9]{1,18})$');
	-- Or the topic, the partition, and the offset.
	upto text[] := regexp_match("position", '^([A-Za-z0-9._-]+):([0-9]{1,9})@([0-9]{1,18})$');
	subject text;
	deadline timestamptz := clock_timestamp() + timeout;
	live bigint;
	reached boolean;
BEGIN
	IF wanted IS NULL AND upto IS NULL THEN
		RAISE EXCEPTION 'the position is %; it must be like account/alice@7, or, up to an offset, account-events:3@1234',
			quote_nullable("position") USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT convert_from(string_agg(
			CASE WHEN m[1] ~ '^%[0-9A-Fa-f]{2}$' THEN decode(substr(m[1], 2), 'hex')
			ELSE convert_to(m[1], 'UTF8') END, ''::bytea ORDER BY n), 'UTF8')
		INTO subject
		FROM regexp_matches(wanted[2], '%[0-9A-Fa-f]{2}|.', 'g') WITH ORDINALITY AS parts(m, n);
	LOOP
		SELECT b.number INTO live FROM refold_builds b
			WHERE b.projection = refold_wait.projection AND b.status = 'live';
		IF FOUND AND upto IS NOT NULL THEN
			PERFORM 1 FROM refold_progress p
				WHERE p.projection = refold_wait.projection AND p.number = live AND p.topic = upto[1]
				AND p.part = upto[2]::bigint AND p.next > upto[3]::bigint;
			IF FOUND THEN
				RETURN true;
			END IF;
		ELSIF FOUND THEN
			EXECUTE format('SELECT sequence >= $1 FROM %I WHERE aggregate = $2 AND subject = $3',
				refold_wait.projection || '_states__' || live)
				INTO reached USING wanted[3]::bigint, wanted[1], subject;
			IF reached THEN
				RETURN true;
			END IF;
		END IF;
		IF clock_timestamp() >= deadline THEN
			RETURN false;
		END IF;
		PERFORM pg_sleep(0.02);
	END LOOP;
END
$$
