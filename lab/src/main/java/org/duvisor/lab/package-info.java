/**
 * Experiments and benchmarks: what produces the numbers of the documentation. Every figure is a
 * ratio measured within one run, and is written with what it takes to repeat it. No code here is
 * used by a guest; nothing outside of the command depends on it.
 */
@NullMarked
package org.duvisor.lab;

import org.jspecify.annotations.NullMarked;
