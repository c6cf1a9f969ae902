/**
 * Java source made from the instruction tables at build time, and the check that every semantics
 * method exists. What it emits is compiled by the machine module; nothing here is needed when a
 * machine runs.
 */
@NullMarked
package org.duvisor.isa.codegen;

import org.jspecify.annotations.NullMarked;
