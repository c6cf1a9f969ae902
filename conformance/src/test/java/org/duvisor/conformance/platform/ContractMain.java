package org.duvisor.conformance.platform;

import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Runs {@link LinuxDriverContractTest} in the JVM of the full stack's host, without JUnit's engine,
 * whose start would be most of the work there. Arguments are names of tests, all when there are
 * none. Prints a line for each and, at the end, "contract: N passed, M failed".
 */
final class ContractMain {
  private static final int MOST = 12;

  /** The board may be far slower than what the limit of {@link DvDriverContract} is made for. */
  private static final long PATIENCE = 20;

  private ContractMain() {}

  public static void main(String[] wanted) throws InterruptedException {
    List<Method> tests = new ArrayList<>();
    List<Method> after = new ArrayList<>();
    for (Class<?> c = LinuxDriverContractTest.class; c != Object.class; c = c.getSuperclass()) {
      collect(c, Test.class, tests);
      collect(c, AfterEach.class, after);
    }
    tests.sort(Comparator.comparing(Method::getName));
    int failed = 0;
    int passed = 0;
    for (Method test : tests) {
      if (wanted.length == 0 || Arrays.asList(wanted).contains(test.getName())) {
        long begin = System.nanoTime();
        boolean good = run(test, after);
        passed += good ? 1 : 0;
        failed += good ? 0 : 1;
        System.out.printf(
            "%s %s (%d ms)%n",
            good ? "passed" : "FAILED", test.getName(), (System.nanoTime() - begin) / 1_000_000);
      }
    }
    System.out.printf("contract: %d passed, %d failed%n", passed, failed);
    System.exit(failed == 0 ? 0 : 1);
  }

  private static void collect(Class<?> c, Class<? extends Annotation> what, List<Method> into) {
    for (Method m : c.getDeclaredMethods()) {
      if (m.isAnnotationPresent(what)) {
        m.setAccessible(true);
        into.add(m);
      }
    }
  }

  private static boolean run(Method test, List<Method> after) throws InterruptedException {
    boolean[] good = {false};
    Thread thread =
        new Thread(
            () -> {
              var contract = new LinuxDriverContractTest();
              good[0] = call(test, contract);
              for (Method m : after) {
                good[0] &= call(m, contract);
              }
            },
            test.getName());
    thread.setDaemon(true);
    thread.start();
    Timeout limit = DvDriverContract.class.getAnnotation(Timeout.class);
    long seconds = limit.unit().toSeconds(limit.value()) * PATIENCE;
    thread.join(seconds * 1000);
    if (thread.isAlive()) {
      System.out.println("no end after " + seconds + " s:");
      print(thread.getStackTrace());
      return false;
    }
    return good[0];
  }

  private static boolean call(Method m, Object on) {
    try {
      m.invoke(on);
      return true;
    } catch (InvocationTargetException e) {
      System.out.println(e.getCause());
      print(e.getCause().getStackTrace());
      return false;
    } catch (IllegalAccessException e) {
      throw new LinkageError(m.getName(), e);
    }
  }

  private static void print(StackTraceElement[] trace) {
    Arrays.stream(trace).limit(MOST).forEach(e -> System.out.println("    at " + e));
  }
}
