package org.duvisor.devices;

import java.util.Set;
import java.util.TreeSet;

/** The PLIC specification as sets, one sentence a method; slow and obvious. */
final class PlicModel {
  final int sources;
  final int[] priority;
  final int[] threshold;
  final Set<Integer> told = new TreeSet<>();
  final Set<Integer> pending = new TreeSet<>();
  final Set<Integer> serving = new TreeSet<>();
  final java.util.List<Set<Integer>> enabled = new java.util.ArrayList<>();

  PlicModel(int sources, int contexts) {
    this.sources = sources;
    priority = new int[sources + 1];
    threshold = new int[contexts];
    for (int i = 0; i < contexts; i++) {
      enabled.add(new TreeSet<>());
    }
  }

  void drive(int source, boolean level) {
    if (level) {
      told.add(source);
    } else {
      told.remove(source);
    }
    if (level && !serving.contains(source)) {
      pending.add(source);
    }
  }

  int claim(int context) {
    int best = 0;
    for (int s : pending) {
      if (enabled.get(context).contains(s) && priority[s] > priority[best]) {
        best = s;
      }
    }
    if (best != 0) {
      pending.remove(best);
      told.remove(best);
      serving.add(best);
    }
    return best;
  }

  void complete(int context, int source) {
    if (enabled.get(context).contains(source) && serving.remove(source) && told.contains(source)) {
      pending.add(source);
    }
  }

  boolean output(int context) {
    return pending.stream()
        .anyMatch(s -> enabled.get(context).contains(s) && priority[s] > threshold[context]);
  }
}
