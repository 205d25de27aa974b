package io.foothold.contracts.door;

import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** Settings of a door as a test gives them. */
final class DoorSettings implements DoorConfig {
    private record Given(Optional<String> token, Optional<Path> file) implements Secret {}

    private final Map<Role, Given> given = new EnumMap<>(Role.class);

    DoorSettings token(Role role, String token) {
        given.put(role, new Given(Optional.of(token), secret(role).file()));
        return this;
    }

    DoorSettings file(Role role, Path file) {
        given.put(role, new Given(secret(role).token(), Optional.of(file)));
        return this;
    }

    private Given secret(Role role) {
        return given.getOrDefault(role, new Given(Optional.empty(), Optional.empty()));
    }

    @Override
    public Secret viewer() {
        return secret(Role.VIEWER);
    }

    @Override
    public Secret operator() {
        return secret(Role.OPERATOR);
    }

    @Override
    public Secret admin() {
        return secret(Role.ADMIN);
    }

    @Override
    public boolean insecure() {
        return false;
    }
}
