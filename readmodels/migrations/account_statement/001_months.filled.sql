-- A statement is the lines of an account and a month, in the order of their sequences.
CREATE INDEX {account_statement}_by_month ON {account_statement} (account_id, month, sequence);
