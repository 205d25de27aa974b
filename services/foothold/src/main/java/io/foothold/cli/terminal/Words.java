package io.foothold.cli.terminal;

import java.util.Collection;
import java.util.Iterator;
import java.util.List;

/** The words that an argument takes, for help and for the shell's completion: picocli makes one of each subclass. */
public abstract class Words implements Iterable<String> {
    private final List<String> words;

    /** In this order. */
    protected Words(Collection<String> words) {
        this.words = List.copyOf(words);
    }

    @Override
    public final Iterator<String> iterator() {
        return words.iterator();
    }
}
