package org.duvisor.conformance.platform;

import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.opentest4j.TestAbortedException;

/**
 * Runs {@link LinuxDriverContractTest} and {@link LinuxInterruptFileTest} in the JVM of the full
 * stack's host, without JUnit's engine, whose start would be most of the work there. Arguments are
 * names of tests, all when there are none. Prints a line for each and, at the end, "contract: N
 * passed, M failed"; what the board cannot do is skipped.
 */
final class ContractMain {
  private static final int MOST = 12;

  /** The board may be far slower than what the limit of {@link DvDriverContract} is made for. */
  private static final long PATIENCE = 20;

  private ContractMain() {}

  /** How a test, or a step of it, ended. */
  private enum End {
    passed,
    skipped,
    FAILED
  }

  public static void main(String[] wanted) throws InterruptedException {
    int[] ends = new int[End.values().length];
    run(LinuxDriverContractTest::new, Arrays.asList(wanted), ends);
    run(LinuxInterruptFileTest::new, Arrays.asList(wanted), ends);
    System.out.printf(
        "contract: %d passed, %d failed%n", ends[End.passed.ordinal()], ends[End.FAILED.ordinal()]);
    System.exit(ends[End.FAILED.ordinal()] == 0 ? 0 : 1);
  }

  private static void run(Supplier<Peer> suite, List<String> wanted, int[] ends)
      throws InterruptedException {
    List<Method> before = new ArrayList<>();
    List<Method> tests = new ArrayList<>();
    List<Method> after = new ArrayList<>();
    for (Class<?> c = suite.get().getClass(); c != Object.class; c = c.getSuperclass()) {
      collect(c, BeforeEach.class, before);
      collect(c, Test.class, tests);
      collect(c, AfterEach.class, after);
    }
    tests.sort(Comparator.comparing(Method::getName));
    for (Method test : tests) {
      if (wanted.isEmpty() || wanted.contains(test.getName())) {
        long begin = System.nanoTime();
        List<Method> steps = new ArrayList<>(before);
        steps.add(test);
        End end = run(suite, test.getName(), steps, after);
        ends[end.ordinal()]++;
        System.out.printf(
            "%s %s (%d ms)%n", end, test.getName(), (System.nanoTime() - begin) / 1_000_000);
      }
    }
  }

  private static void collect(Class<?> c, Class<? extends Annotation> what, List<Method> into) {
    for (Method m : c.getDeclaredMethods()) {
      if (m.isAnnotationPresent(what)) {
        m.setAccessible(true);
        into.add(m);
      }
    }
  }

  private static End run(Supplier<Peer> suite, String name, List<Method> steps, List<Method> after)
      throws InterruptedException {
    var end = new CompletableFuture<End>();
    // One of its threads that dies leaves the others waiting.
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, e) -> {
          print(e);
          end.complete(End.FAILED);
        });
    Thread thread =
        new Thread(
            () -> {
              Peer peer = suite.get();
              End worst = End.passed;
              for (Method m : steps) {
                worst = worst == End.passed ? call(m, peer) : worst;
              }
              for (Method m : after) {
                worst = call(m, peer) == End.FAILED ? End.FAILED : worst;
              }
              end.complete(worst);
            },
            name);
    thread.setDaemon(true);
    thread.start();
    Timeout limit = DvDriverContract.class.getAnnotation(Timeout.class);
    long seconds = limit.unit().toSeconds(limit.value()) * PATIENCE;
    try {
      return end.get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      System.out.println("no end after " + seconds + " s:");
      print(thread.getStackTrace());
      return End.FAILED;
    } catch (ExecutionException e) {
      throw new AssertionError(e); // it is completed with values only
    }
  }

  private static End call(Method m, Object on) {
    try {
      m.invoke(on);
      return End.passed;
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof TestAbortedException) {
        return End.skipped;
      }
      print(e.getCause());
      return End.FAILED;
    } catch (IllegalAccessException e) {
      throw new LinkageError(m.getName(), e);
    }
  }

  private static void print(Throwable e) {
    System.out.println(e);
    print(e.getStackTrace());
  }

  private static void print(StackTraceElement[] trace) {
    Arrays.stream(trace).limit(MOST).forEach(e -> System.out.println("    at " + e));
  }
}
