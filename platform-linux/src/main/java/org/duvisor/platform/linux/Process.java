package org.duvisor.platform.linux;

/** What all VMs of this process share: the way into the kernel, and the stub. */
record Process(Kernel kernel, Code code) {
  /** Made when it is first needed; the handler of SIGILL is installed once. */
  private static final class Holder {
    static final Process PROCESS = make();

    private static Process make() {
      Kernel kernel = new Kernel();
      return new Process(kernel, new Code(kernel));
    }
  }

  static Process instance() {
    return Holder.PROCESS;
  }
}
