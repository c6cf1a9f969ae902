/** Tests of the experiments: parsing, arithmetic, reports; one short real measurement. */
@NullMarked
package org.duvisor.lab;

import org.jspecify.annotations.NullMarked;
