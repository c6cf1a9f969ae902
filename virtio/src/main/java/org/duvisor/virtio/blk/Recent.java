package org.duvisor.virtio.blk;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values used last, by number. Not thread-safe. */
final class Recent<V> {
  private final Map<Long, V> values = new LinkedHashMap<>(16, 0.75f, true);
  private final int capacity;

  /** Holds so many values, and at least one. */
  Recent(int capacity) {
    this.capacity = Math.max(1, capacity);
  }

  @Nullable V get(long key) {
    return values.get(key);
  }

  void put(long key, V value) {
    values.put(key, value);
    if (values.size() > capacity) {
      values.remove(values.keySet().iterator().next());
    }
  }
}
