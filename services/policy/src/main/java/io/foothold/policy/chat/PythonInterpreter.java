package io.foothold.policy.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import org.jspecify.annotations.Nullable;

/** Prints truth as Python does: True, not true; and a token that nobody defines not at all. */
final class PythonInterpreter extends JinjavaInterpreter {
    static final InterpreterFactory FACTORY = new InterpreterFactory() {
        @Override
        public JinjavaInterpreter newInstance(JinjavaInterpreter parent) {
            return new PythonInterpreter(parent);
        }

        @Override
        public JinjavaInterpreter newInstance(Jinjava application, Context context, JinjavaConfig config) {
            return new PythonInterpreter(application, context, config);
        }
    };

    private PythonInterpreter(JinjavaInterpreter parent) {
        super(parent);
    }

    private PythonInterpreter(Jinjava application, Context context, JinjavaConfig config) {
        super(application, context, config);
    }

    @Override
    public String getAsString(@Nullable Object value) {
        return switch (value) {
            case Boolean b -> b ? "True" : "False";
            case SpecialTokens.Undefined undefined -> undefined.toString();
            case null, default -> super.getAsString(value);
        };
    }
}
