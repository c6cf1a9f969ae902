package org.duvisor.machine.testing;

import org.duvisor.machine.Engine;

/** An engine that another one is behind, for tests that change a part of it. */
public class ForwardingEngine implements Engine {
  private final Engine engine;

  /** Does what {@code engine} does. */
  public ForwardingEngine(Engine engine) {
    this.engine = engine;
  }

  @Override
  public void run(long limit) {
    engine.run(limit);
  }

  @Override
  public void step() {
    engine.step();
  }

  @Override
  public int fetchedBits(long pc) {
    return engine.fetchedBits(pc);
  }

  @Override
  public void codeChanged(long page) {
    engine.codeChanged(page);
  }

  @Override
  public void forget() {
    engine.forget();
  }

  @Override
  public void tidy() {
    engine.tidy();
  }

  @Override
  public void mappingChanged() {
    engine.mappingChanged();
  }

  @Override
  public void mappingChanged(long va) {
    engine.mappingChanged(va);
  }

  @Override
  public void contextChanged() {
    engine.contextChanged();
  }
}
