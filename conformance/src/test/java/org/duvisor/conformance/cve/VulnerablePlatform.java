package org.duvisor.conformance.cve;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.duvisor.platform.DvDriver;
import org.duvisor.platform.FastExits;
import org.duvisor.platform.HuHart;
import org.duvisor.platform.Platform;
import org.duvisor.platform.linux.LinuxPlatform;

/**
 * The platform of Linux with one of the errors, which the property {@code duvisor.vulnerability}
 * names. Found as a service, before the real one. Everything is passed on to that; only what a vCPU
 * does after an exit is added to. The cue is the guest's: a vCPU that registers for the first time
 * is that of the warm-up, and as it should be.
 */
public final class VulnerablePlatform implements Platform {
  private final LinuxPlatform real = new LinuxPlatform();

  /** For the service loader. */
  public VulnerablePlatform() {}

  @Override
  public String name() {
    return "linux, vulnerable";
  }

  @Override
  public Optional<String> missing() {
    return real.missing();
  }

  @Override
  public DvDriver open() {
    var what = Vulnerability.valueOf(System.getProperty("duvisor.vulnerability"));
    DvDriver driver = real.open();
    Set<Integer> warm = ConcurrentHashMap.newKeySet();
    return proxy(
        DvDriver.class,
        (_, method, arguments) -> {
          Object result = method.invoke(driver, arguments);
          return result instanceof HuHart hart && !warm.add(hart.vcpu())
              ? vulnerable(hart, what)
              : result;
        });
  }

  /** A vCPU whose exits are counted, until the cue comes; faults of memory all come to Java. */
  private static HuHart vulnerable(HuHart hart, Vulnerability what) {
    int[] counted = {0};
    return proxy(
        HuHart.class,
        (_, method, arguments) -> {
          if (method.getName().equals("fastExits") && arguments[0] instanceof FastExits exits) {
            exits.forbid(FastExits.Kind.FAULT_4K);
            exits.forbid(FastExits.Kind.FAULT_2M);
          }
          Object result = method.invoke(hart, arguments);
          if (method.getName().equals("enter") && what.counts(hart) && ++counted[0] == what.cue) {
            System.err.println("Emulating " + what.cve() + ": " + what);
            what.happen();
          }
          return result;
        });
  }

  private static <T> T proxy(Class<T> type, InvocationHandler handler) {
    InvocationHandler plain =
        (self, method, arguments) -> {
          try {
            return handler.invoke(self, method, arguments);
          } catch (InvocationTargetException e) {
            throw e.getCause();
          }
        };
    return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, plain));
  }
}
