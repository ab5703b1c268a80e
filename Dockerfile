# The relay in one process, or one image for each service, from one file:
#
#   docker build --tag cloudtab .
#   docker build --build-arg PROJECT=CloudTab.Gateway --tag cloudtab/gateway .
#
# Of several, separated by spaces, the image starts the first, and the others lie beside it: /app/<project>/<project>.
# No instruction here needs BuildKit: some platforms build without it.

# Tag and digest: the same bits at every build (deploy/README.md tells how to take newer ones). 10.0-noble has a shell, which health checks of Docker's and start commands of platforms need. Where nothing of the kind is needed,
# in Kubernetes, 10.0-noble-chiseled has neither shell nor package manager.
ARG RUNTIME=10.0-noble@sha256:2d584d8147faddb0d678c5748d47953e5b8e18621ed4fb7049a91381d9d7746f
ARG SDK=10.0-noble@sha256:e70cdb7f80b0348f5cb85f19a8f670fca061f033d57eed12fa003d58b0e06317
# The pages' scripts are built with Node.js (20.19+ or 22.12+); no image that runs has it.
ARG NODE=22-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c

FROM node:$NODE AS node

# Packages first: this layer is the same for all projects, and changes only with the lock files.
FROM mcr.microsoft.com/dotnet/sdk:$SDK AS restore
WORKDIR /src
# Restores in locked mode: Directory.Build.props.
ENV CI=true DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY CloudTab.Gateway/CloudTab.Gateway.csproj CloudTab.Gateway/packages.lock.json CloudTab.Gateway/
COPY CloudTab.Janitor/CloudTab.Janitor.csproj CloudTab.Janitor/packages.lock.json CloudTab.Janitor/
COPY CloudTab.Migrator/CloudTab.Migrator.csproj CloudTab.Migrator/packages.lock.json CloudTab.Migrator/
COPY CloudTab.Notifier/CloudTab.Notifier.csproj CloudTab.Notifier/packages.lock.json CloudTab.Notifier/
COPY CloudTab.Pages/CloudTab.Pages.csproj CloudTab.Pages/packages.lock.json CloudTab.Pages/
COPY CloudTab.Relay/CloudTab.Relay.csproj CloudTab.Relay/packages.lock.json CloudTab.Relay/
COPY CloudTab.ServiceDefaults/CloudTab.ServiceDefaults.csproj CloudTab.ServiceDefaults/packages.lock.json CloudTab.ServiceDefaults/
COPY CloudTab.ShopApi/CloudTab.ShopApi.csproj CloudTab.ShopApi/packages.lock.json CloudTab.ShopApi/
COPY CloudTab.Standalone/CloudTab.Standalone.csproj CloudTab.Standalone/packages.lock.json CloudTab.Standalone/
COPY CloudTab.UploadApi/CloudTab.UploadApi.csproj CloudTab.UploadApi/packages.lock.json CloudTab.UploadApi/
RUN for project in CloudTab.*; do dotnet restore "$project" || exit 1; done

FROM restore AS publish
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
COPY . .
ARG PROJECT=CloudTab.Standalone
RUN set -- $PROJECT \
    && for project in "$@"; do \
        dotnet publish "$project" --configuration Release --no-restore --output "/app/$project" -p:PublishDocumentationFiles=false || exit 1; \
    done \
    && ln -s "$1/$1" /app/start

FROM mcr.microsoft.com/dotnet/aspnet:$RUNTIME
ARG VERSION=0.1.0
ARG REVISION
LABEL org.opencontainers.image.title="CloudTab" \
    org.opencontainers.image.description="Relay between a customer's phone and a print shop's PC" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="$VERSION" \
    org.opencontainers.image.revision="$REVISION"
COPY --from=publish /app /app
WORKDIR /app
# Standalone and the gateway read PORT, which some platforms set; every other service listens where ASP.NET Core is told.
ENV PORT=8080 ASPNETCORE_HTTP_PORTS=8080
EXPOSE 8080
# The number, not the name: Kubernetes cannot tell otherwise that it is not root.
USER 1654
# Not ENTRYPOINT: platforms that are given a command would hand it over as arguments.
CMD ["/app/start"]
