/**
 * What the delegated-virtualization extension adds around a hart: windows (docs/dv-ext.md, 3.1) and
 * posts (3.2).
 */
@NullMarked
package org.duvisor.machine.dv;

import org.jspecify.annotations.NullMarked;
