package refold.peer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import refold.accounts.ChargeAccount;
import refold.accounts.CloseAccount;
import refold.accounts.DepositMoney;
import refold.accounts.FreezeAccount;
import refold.accounts.OpenAccount;
import refold.accounts.RefundAccount;
import refold.accounts.UnfreezeAccount;
import refold.accounts.WithdrawMoney;

final class AccountsTest {
  private static final List<SpecificRecord> OPEN =
      List.of(new OpenAccount("A", "EUR"), new DepositMoney(100L, "EUR"));
  private static final List<SpecificRecord> CHARGED =
      Stream.concat(OPEN.stream(), Stream.of(new ChargeAccount(40L, "EUR", "order"))).toList();
  private static final List<SpecificRecord> FROZEN =
      Stream.concat(OPEN.stream(), Stream.of(new FreezeAccount("stolen"))).toList();
  private static final List<SpecificRecord> CLOSED =
      List.of(new OpenAccount("A", "EUR"), new CloseAccount());

  static Stream<Arguments> rejections() {
    return Stream.of(
        Arguments.of(List.of(), new DepositMoney(1L, "EUR"), "account-not-open"),
        Arguments.of(List.of(), new OpenAccount(" ", "EUR"), "owner-missing"),
        Arguments.of(List.of(), new OpenAccount("A".repeat(201), "EUR"), "text-too-long"),
        Arguments.of(List.of(), new OpenAccount("A\n", "EUR"), "text-invalid"),
        Arguments.of(List.of(), new OpenAccount("A", "EURO"), "currency-unknown"),
        Arguments.of(OPEN, new OpenAccount("A", "EUR"), "account-already-open"),
        Arguments.of(OPEN, new DepositMoney(0L, "EUR"), "amount-not-positive"),
        Arguments.of(OPEN, new DepositMoney(1L, "USD"), "currency-mismatch"),
        Arguments.of(OPEN, new DepositMoney(Long.MAX_VALUE, "EUR"), "balance-overflow"),
        Arguments.of(OPEN, new WithdrawMoney(101L, "EUR"), "insufficient-funds"),
        Arguments.of(OPEN, new ChargeAccount(1L, "EUR", ""), "reference-missing"),
        Arguments.of(CHARGED, new ChargeAccount(1L, "EUR", "order"), "reference-already-charged"),
        Arguments.of(OPEN, new RefundAccount(1L, "EUR", "order"), "reference-unknown"),
        Arguments.of(CHARGED, new RefundAccount(41L, "EUR", "order"), "reference-exceeded"),
        Arguments.of(OPEN, new UnfreezeAccount(), "account-not-frozen"),
        Arguments.of(OPEN, new CloseAccount(), "balance-not-zero"),
        Arguments.of(FROZEN, new WithdrawMoney(1L, "EUR"), "account-frozen"),
        Arguments.of(FROZEN, new FreezeAccount(""), "reason-missing"),
        Arguments.of(FROZEN, new FreezeAccount("again"), "account-frozen"),
        Arguments.of(CLOSED, new DepositMoney(1L, "EUR"), "account-closed"));
  }

  @ParameterizedTest
  @MethodSource("rejections")
  void rejects(List<SpecificRecord> before, SpecificRecord command, String code) throws Rejection {
    AccountRow account = after(before);
    assertEquals(code, assertThrows(Rejection.class, () -> Accounts.decide(account, command)).code);
  }

  static Stream<Arguments> balances() {
    return Stream.of(
        Arguments.of(OPEN, "open", 100L),
        Arguments.of(CHARGED, "open", 60L),
        Arguments.of(with(CHARGED, new RefundAccount(40L, "EUR", "order")), "open", 100L),
        Arguments.of(with(FROZEN, new UnfreezeAccount()), "open", 100L),
        Arguments.of(CLOSED, "closed", 0L));
  }

  @ParameterizedTest
  @MethodSource("balances")
  void folds(List<SpecificRecord> commands, String status, long balance) throws Rejection {
    AccountRow account = after(commands);
    assertEquals(status, account.getStatus());
    assertEquals(balance, account.getBalance());
  }

  private static List<SpecificRecord> with(List<SpecificRecord> before, SpecificRecord command) {
    return Stream.concat(before.stream(), Stream.of(command)).toList();
  }

  private static AccountRow after(List<SpecificRecord> commands) throws Rejection {
    AccountRow account = new AccountRow("", "", "", 0L, new ArrayList<>(), 0L, ByteBuffer.allocate(0));
    for (SpecificRecord command : commands) {
      Accounts.evolve(account, Accounts.decide(account, command));
    }
    return account;
  }
}
