package org.duvisor.isa.codegen;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.duvisor.isa.Instruction;
import org.duvisor.isa.InstructionSet;
import org.duvisor.isa.Semantics;
import org.duvisor.isa.Semantics.Argument;

/** Binds the method names of the tables to Java methods, and finds those without one. */
public final class SemanticsResolver {
  private static final String HOME = "org.duvisor.machine.semantics.";
  private static final String FLOATING = "org.duvisor.machine.fp.";
  private static final Set<String> FLOATING_OWNERS = Set.of("Fp", "Half", "Zfa");

  private SemanticsResolver() {}

  /** The full name of the class with the methods of an owner in the tables ("Alu"). */
  public static String className(String owner) {
    return (FLOATING_OWNERS.contains(owner) ? FLOATING : HOME) + owner;
  }

  /**
   * The static method of an instruction's semantics.
   *
   * @throws ReflectiveOperationException when there is no such class, or no public method of that
   *     name, arguments and result; the message tells which
   */
  public static Method resolve(Semantics semantics, ClassLoader loader)
      throws ReflectiveOperationException {
    Class<?> owner = Class.forName(className(semantics.owner()), false, loader);
    for (Method method : owner.getMethods()) {
      if (method.getName().equals(semantics.method()) && fits(semantics, method)) {
        return method;
      }
    }
    throw new NoSuchMethodException(owner.getName() + " has no " + signature(semantics));
  }

  /**
   * One line for every instruction of the set whose semantics do not resolve; empty when all is
   * well.
   */
  public static List<String> problems(InstructionSet set, ClassLoader loader) {
    List<String> problems = new ArrayList<>();
    for (Instruction i : set.instructions()) {
      if (i.length() == 4 && i.semantics().kind() != Semantics.Kind.NOP) {
        try {
          resolve(i.semantics(), loader);
        } catch (ReflectiveOperationException e) {
          problems.add(i.mnemonic() + ": " + e);
        }
      }
    }
    return problems;
  }

  private static boolean fits(Semantics semantics, Method method) {
    Class<?>[] parameters = method.getParameterTypes();
    List<Argument> arguments = semantics.arguments();
    if (!Modifier.isStatic(method.getModifiers())
        || method.getReturnType() != result(semantics)
        || parameters.length != arguments.size()) {
      return false;
    }
    for (int i = 0; i < parameters.length; i++) {
      if (!accepts(parameters[i], arguments.get(i))) {
        return false;
      }
    }
    return true;
  }

  /** An int may also be passed as a long (the zimm of csrrwi, where csrrw passes a register). */
  private static boolean accepts(Class<?> parameter, Argument argument) {
    return switch (argument.type()) {
      case 'J' -> parameter == long.class;
      case 'I' -> parameter == int.class || parameter == long.class;
      case 'H' -> parameter.getSimpleName().equals("Hart");
      default -> parameter.getSimpleName().equals("Fcsr");
    };
  }

  private static Class<?> result(Semantics semantics) {
    return switch (semantics.kind()) {
      case BRANCH -> boolean.class;
      case JUMP, LINK -> long.class;
      case PLAIN, NOP, END -> semantics.result() == Semantics.Result.NONE ? void.class : long.class;
    };
  }

  private static String signature(Semantics semantics) {
    StringBuilder text = new StringBuilder("public static ");
    text.append(result(semantics).getName()).append(' ').append(semantics.method()).append('(');
    String separator = "";
    for (Argument a : semantics.arguments()) {
      text.append(separator);
      text.append(
          switch (a.type()) {
            case 'J' -> "long ";
            case 'I' -> "int ";
            case 'H' -> "Hart ";
            default -> "Fcsr ";
          });
      text.append(a.text());
      separator = ", ";
    }
    return text.append(')').toString();
  }
}
