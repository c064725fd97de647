-- Accounts are listed by owner, and by status.
CREATE INDEX {accounts_current}_by_owner ON {accounts_current} (owner_folded, account_id);
CREATE INDEX {accounts_current}_by_status ON {accounts_current} (status, account_id);
