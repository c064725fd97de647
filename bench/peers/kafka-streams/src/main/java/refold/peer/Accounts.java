package refold.peer;

import java.util.ArrayList;
import java.util.Currency;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import refold.accounts.AccountCharged;
import refold.accounts.AccountClosed;
import refold.accounts.AccountFrozen;
import refold.accounts.AccountOpened;
import refold.accounts.AccountRefunded;
import refold.accounts.AccountUnfrozen;
import refold.accounts.ChargeAccount;
import refold.accounts.CloseAccount;
import refold.accounts.DepositMoney;
import refold.accounts.FreezeAccount;
import refold.accounts.MoneyDeposited;
import refold.accounts.MoneyWithdrawn;
import refold.accounts.OpenAccount;
import refold.accounts.RefundAccount;
import refold.accounts.UnfreezeAccount;
import refold.accounts.WithdrawMoney;

/** The accounts' rules: what a command leads to, and what an event changes. Neither reads or writes anything. */
final class Accounts {
  private static final int MAX_OWNER = 200;
  private static final int MAX_REASON = 500;
  private static final int MAX_REFERENCE = 128;
  private static final int MAX_CHARGES = 32;

  private Accounts() {}

  /** Returns the one event that the command leads to. It does not change the account. */
  static SpecificRecord decide(AccountRow a, SpecificRecord command) throws Rejection {
    return switch (command) {
      case OpenAccount c -> open(a, c);
      case DepositMoney c -> {
        checkAmount(c.getAmount());
        checkIncoming(a, c.getAmount(), c.getCurrency());
        yield new MoneyDeposited(c.getAmount(), c.getCurrency());
      }
      case WithdrawMoney c -> {
        checkAmount(c.getAmount());
        checkOutgoing(a, c.getAmount(), c.getCurrency());
        yield new MoneyWithdrawn(c.getAmount(), c.getCurrency());
      }
      case ChargeAccount c -> charge(a, c);
      case RefundAccount c -> refund(a, c);
      case FreezeAccount c -> {
        checkText("reason", c.getReason(), MAX_REASON);
        checkAlive(a);
        checkNotFrozen(a);
        yield new AccountFrozen(c.getReason());
      }
      case UnfreezeAccount c -> {
        checkAlive(a);
        if (!a.getStatus().equals("frozen")) {
          throw new Rejection("account-not-frozen", "the account is not frozen");
        }
        yield new AccountUnfrozen();
      }
      case CloseAccount c -> {
        checkAlive(a);
        checkNotFrozen(a);
        if (a.getBalance() != 0) {
          throw new Rejection("balance-not-zero", "the balance must be zero to close the account");
        }
        yield new AccountClosed();
      }
      default -> throw new IllegalArgumentException("no decision for a " + command.getSchema().getName());
    };
  }

  private static SpecificRecord open(AccountRow a, OpenAccount c) throws Rejection {
    checkText("owner", c.getOwner(), MAX_OWNER);
    checkCurrencyIsActive(c.getCurrency());
    switch (a.getStatus()) {
      case "" -> {
        return new AccountOpened(c.getOwner(), c.getCurrency());
      }
      case "closed" -> throw closed();
      default -> throw new Rejection("account-already-open", "the account is open already");
    }
  }

  private static SpecificRecord charge(AccountRow a, ChargeAccount c) throws Rejection {
    checkAmount(c.getAmount());
    checkText("reference", c.getReference(), MAX_REFERENCE);
    if (find(a.getCharges(), c.getReference()) >= 0) {
      throw new Rejection("reference-already-charged", "a reference is charged once");
    }
    checkOutgoing(a, c.getAmount(), c.getCurrency());
    return new AccountCharged(c.getAmount(), c.getCurrency(), c.getReference());
  }

  private static SpecificRecord refund(AccountRow a, RefundAccount c) throws Rejection {
    checkAmount(c.getAmount());
    checkText("reference", c.getReference(), MAX_REFERENCE);
    checkIncoming(a, c.getAmount(), c.getCurrency());
    int i = find(a.getCharges(), c.getReference());
    long left = i < 0 ? 0 : a.getCharges().get(i).getRefundable();
    if (left == 0) {
      throw new Rejection("reference-unknown", "nothing is left to refund for the reference");
    }
    if (c.getAmount() > left) {
      throw new Rejection("reference-exceeded", "less is left to refund for the reference");
    }
    return new AccountRefunded(c.getAmount(), c.getCurrency(), c.getReference());
  }

  /** Changes the account as the event says. It refuses nothing. */
  static void evolve(AccountRow a, SpecificRecord event) {
    switch (event) {
      case AccountOpened e -> {
        a.setStatus("open");
        a.setOwner(e.getOwner());
        a.setCurrency(e.getCurrency());
      }
      case MoneyDeposited e -> a.setBalance(a.getBalance() + e.getAmount());
      case MoneyWithdrawn e -> a.setBalance(a.getBalance() - e.getAmount());
      case AccountCharged e -> {
        a.setBalance(a.getBalance() - e.getAmount());
        charged(a.getCharges(), e.getReference(), e.getAmount());
      }
      case AccountRefunded e -> {
        a.setBalance(a.getBalance() + e.getAmount());
        int i = find(a.getCharges(), e.getReference());
        if (i >= 0) {
          Charge charge = a.getCharges().get(i);
          charge.setRefundable(charge.getRefundable() - Math.min(e.getAmount(), charge.getRefundable()));
        }
      }
      case AccountFrozen e -> a.setStatus("frozen");
      case AccountUnfrozen e -> a.setStatus("open");
      case AccountClosed e -> {
        a.setStatus("closed");
        a.setCharges(new ArrayList<>());
      }
      default -> throw new IllegalArgumentException("no fold for a " + event.getSchema().getName());
    }
  }

  private static void charged(List<Charge> charges, String reference, long amount) {
    int known = find(charges, reference);
    if (known >= 0) {
      amount += charges.remove(known).getRefundable();
    } else if (charges.size() >= MAX_CHARGES) {
      int refunded = 0; // the oldest, if none is refunded
      while (refunded < charges.size() && charges.get(refunded).getRefundable() != 0) {
        refunded++;
      }
      charges.remove(refunded < charges.size() ? refunded : 0);
    }
    charges.add(new Charge(reference, amount));
  }

  private static int find(List<Charge> charges, String reference) {
    for (int i = 0; i < charges.size(); i++) {
      if (charges.get(i).getReference().equals(reference)) {
        return i;
      }
    }
    return -1;
  }

  private static void checkAmount(long amount) throws Rejection {
    if (amount <= 0) {
      throw new Rejection("amount-not-positive", "amount must be 1 minor unit or more");
    }
  }

  private static void checkIncoming(AccountRow a, long amount, String currency) throws Rejection {
    checkAlive(a);
    checkCurrency(a, currency);
    if (amount > Long.MAX_VALUE - a.getBalance()) {
      throw new Rejection("balance-overflow", "the balance would be more than an account holds");
    }
  }

  private static void checkOutgoing(AccountRow a, long amount, String currency) throws Rejection {
    checkAlive(a);
    checkNotFrozen(a);
    checkCurrency(a, currency);
    if (amount > a.getBalance()) {
      throw new Rejection("insufficient-funds", "the balance is " + a.getBalance() + ", the amount " + amount);
    }
  }

  private static void checkAlive(AccountRow a) throws Rejection {
    if (a.getStatus().isEmpty()) {
      throw new Rejection("account-not-open", "the account was never opened");
    }
    if (a.getStatus().equals("closed")) {
      throw closed();
    }
  }

  private static void checkNotFrozen(AccountRow a) throws Rejection {
    if (a.getStatus().equals("frozen")) {
      throw new Rejection("account-frozen", "the account is frozen");
    }
  }

  private static void checkCurrency(AccountRow a, String currency) throws Rejection {
    if (!currency.equals(a.getCurrency())) {
      throw new Rejection("currency-mismatch", "the account is in " + a.getCurrency());
    }
  }

  private static void checkCurrencyIsActive(String code) throws Rejection {
    try {
      Currency.getInstance(code);
    } catch (IllegalArgumentException e) {
      throw new Rejection("currency-unknown", "currency must be an ISO 4217 code, such as EUR");
    }
  }

  private static void checkText(String field, String text, int most) throws Rejection {
    if (text.isBlank()) {
      throw new Rejection(field + "-missing", field + " is empty");
    }
    if (text.codePointCount(0, text.length()) > most) {
      throw new Rejection("text-too-long", field + " has more than " + most + " characters");
    }
    if (text.codePoints().anyMatch(Character::isISOControl)) {
      throw new Rejection("text-invalid", field + " has a control character");
    }
  }

  private static Rejection closed() {
    return new Rejection("account-closed", "the account is closed for good");
  }
}
