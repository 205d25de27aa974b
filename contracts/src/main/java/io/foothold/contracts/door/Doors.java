package io.foothold.contracts.door;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Disposes;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.time.InstantSource;

/** Gives every part of the process the same door, and the same way to its peers. */
@ApplicationScoped
class Doors {
    @Produces
    @Singleton
    Door door(DoorConfig config) {
        return new Door(config, InstantSource.system());
    }

    void close(@Disposes Door door) {
        door.close();
    }

    @Produces
    @Singleton
    Identity identity(TlsConfig config) {
        return Identity.of(config);
    }

    void close(@Disposes Identity identity) {
        identity.close();
    }

    @Produces
    @Singleton
    PeerChannels peers(Identity identity, Door door) {
        return PeerChannels.of(identity, door::shown);
    }
}
