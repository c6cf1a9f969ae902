/** Tests of the escape keys and of the input behind them. */
@NullMarked
package org.duvisor.cli.terminal;

import org.jspecify.annotations.NullMarked;
