package io.foothold.orchestrator.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/**
 * Where the services are. Samplers, verifiers and localizers may be several behind one name, which has the address of each; of the
 * others there is one.
 */
@ConfigMapping(prefix = "foothold.peer")
public interface PeersConfig {
    /** The augmentation service. */
    Augmentation augmentation();

    /** The learner. */
    Learner learner();

    /** Samplers. */
    Sampler sampler();

    /** Verifiers. */
    Verifier verifier();

    /** Localizers. */
    Localizer localizer();

    /** A name and a port. */
    interface Peer {
        /** Name or address; every address of a name is a replica, looked up again every few seconds. */
        @WithDefault("127.0.0.1")
        String host();

        /** Port of all of them. */
        int port();
    }

    /** Where samplers are. */
    interface Sampler extends Peer {
        @Override
        @WithDefault("9202")
        int port();
    }

    /** Where verifiers are. */
    interface Verifier extends Peer {
        @Override
        @WithDefault("9203")
        int port();
    }

    /** Where localizers are. */
    interface Localizer extends Peer {
        @Override
        @WithDefault("9204")
        int port();
    }

    /** Where augmentation is. */
    interface Augmentation extends Peer {
        @Override
        @WithDefault("9205")
        int port();
    }

    /** Where the learner is. */
    interface Learner extends Peer {
        @Override
        @WithDefault("9206")
        int port();
    }
}
