package refold.peer;

/** A command is refused: nothing has happened. The code is part of the contract, the message is not. */
final class Rejection extends Exception {
  final String code;

  Rejection(String code, String message) {
    super(message, null, false, false); // an outcome, not a fault: no stack trace, which is dear
    this.code = code;
  }
}
