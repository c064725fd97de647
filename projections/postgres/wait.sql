CREATE OR REPLACE FUNCTION refold_wait(projection text, "position" text, timeout interval) RETURNS boolean
	LANGUAGE plpgsql VOLATILE
	SET search_path FROM CURRENT
AS $$
DECLARE
	-- The aggregate, the subject, which may have any characters, and the sequence.
	wanted text[] := regexp_match("position", '^([^/]+)/(.+)@([0-9]{1,18})$');
	deadline timestamptz := clock_timestamp() + timeout;
	live bigint;
	reached boolean;
BEGIN
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'the position is %; it must be like account/alice@7', quote_nullable("position")
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	LOOP
		SELECT b.number INTO live FROM refold_builds b
			WHERE b.projection = refold_wait.projection AND b.status = 'live';
		IF FOUND THEN
			EXECUTE format('SELECT sequence >= $1 FROM %I WHERE aggregate = $2 AND subject = $3',
				refold_wait.projection || '_states__' || live)
				INTO reached USING wanted[3]::bigint, wanted[1], wanted[2];
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
