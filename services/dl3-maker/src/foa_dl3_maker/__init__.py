"""The dl3-maker: event lists with the instrument response of their pointing."""
