# The command line with its model:
#   docker build -t halfspace .
#   docker run --rm -v halfspace-cache:/cache halfspace run "Name a colour."
#   docker run --rm -v halfspace-cache:/cache -v ./keys:/keys:ro -p 8484:8484 halfspace serve --urls http://*:8484 --api-key-file /keys
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG TARGETARCH
WORKDIR /source
COPY . .
RUN dotnet publish src/Halfspace.Cli -c Release -a $TARGETARCH --no-self-contained -o /app

FROM mcr.microsoft.com/dotnet/aspnet:10.0
COPY --from=build /app /app
# Prepacked weights; a volume keeps them from one container to the next.
RUN mkdir /cache && chown $APP_UID /cache
ENV HALFSPACE_CACHE=/cache
VOLUME /cache
USER $APP_UID
ENTRYPOINT ["/app/halfspace"]
