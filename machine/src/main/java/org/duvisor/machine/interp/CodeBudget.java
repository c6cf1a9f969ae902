package org.duvisor.machine.interp;

import java.util.Collections;
import java.util.Set;
import java.util.WeakHashMap;

/**
 * The heap that the decoded code of many harts may take together. A hart may have what the others
 * leave; when there is no more, those that have more than their equal share give up code.
 */
public final class CodeBudget {
  /** Of all harts of this process that are not given another one. */
  public static final CodeBudget PROCESS = new CodeBudget(Runtime.getRuntime().maxMemory() / 4);

  /** Times that a hart notes the age of its code while its share fills. */
  static final int AGES = 4;

  /** The least growth between two looks at the others, as a part of an age. */
  private static final int CLOSE = 16;

  private final long bytes;
  private final Set<Account> accounts = Collections.newSetFromMap(new WeakHashMap<>());

  /** A budget of so many bytes. */
  public CodeBudget(long bytes) {
    this.bytes = bytes;
  }

  /** An account for one hart; it ends when nobody knows it any more. */
  Account open() {
    Account a = new Account();
    synchronized (this) {
      accounts.add(a);
    }
    return a;
  }

  private synchronized void review() {
    long total = 0;
    for (Account a : accounts) {
      total += a.used;
    }
    long share = bytes / accounts.size();
    for (Account a : accounts) {
      a.share = share;
      a.overdrawn = total > bytes && a.used > share;
    }
    left = bytes - total;
  }

  private volatile long left;

  /** What one hart uses. Its own thread, unless another one is named. */
  final class Account {
    private volatile long used;
    private volatile long share;
    private volatile boolean overdrawn;

    private Account() {}

    /** Says how much is used now. */
    void use(long now) {
      used = now;
      review();
    }

    /** Whether to give up code; another thread may have found that. */
    boolean isOverdrawn() {
      return overdrawn;
    }

    /** How much may be left of it then. */
    long keep() {
      return share - share / AGES;
    }

    /** How much may be added before the next {@link #use}. */
    long room() {
      long age = share / AGES;
      return Math.clamp(left, age / CLOSE, Math.max(age, 1));
    }
  }
}
