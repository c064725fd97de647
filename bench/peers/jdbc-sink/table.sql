CREATE TABLE account_statement (
	account_id text NOT NULL, sequence bigint NOT NULL, month text NOT NULL, booked_at timestamptz NOT NULL,
	kind text NOT NULL, text text NOT NULL, reference text NOT NULL, amount bigint NOT NULL,
	currency text NOT NULL, balance bigint NOT NULL,
	PRIMARY KEY (account_id, sequence)
);
CREATE INDEX account_statement_by_month ON account_statement (account_id, month, sequence);
