# The gateway alone: no compiler, no tests, no oidc-provider. The parts of its demo are the target `demo`.
#
#   docker build -t countersign .
#   docker run --read-only --cap-drop=ALL --security-opt=no-new-privileges -p 8080:8080 \
#     -v "$PWD/config:/app/config:ro" -v "$PWD/routes.yaml:/app/routes.yaml:ro" countersign
#
# scripts/check-image.mjs runs these steps without Docker and asks the result for /livez.
# Node: the version of scripts/node24.mjs, on which the tests run, too.

FROM node:24.21.0-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY console ./console
RUN npm run build

FROM node:24.21.0-slim AS packages
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

# IdP, SaaS and ERP of the demo, one process each (deploy/compose.yaml); nothing of it is in the gateway's image.
FROM node:24.21.0-slim AS demo-packages
WORKDIR /app
ENV NODE_ENV=production
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:24.21.0-slim AS demo
WORKDIR /app
ENV NODE_ENV=production
COPY package.json LICENSE ./
COPY --from=demo-packages /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
USER 1000:1000
ENTRYPOINT ["node", "dist/src/cli.js", "demo"]
CMD ["--help"]

FROM node:24.21.0-slim
LABEL org.opencontainers.image.title="countersign" \
      org.opencontainers.image.description="An API gateway between a SaaS and an ERP: proves who is calling, drops the caller's credentials, calls the ERP with its own." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/node:24.21.0-slim"
WORKDIR /app
ENV NODE_ENV=production
COPY package.json LICENSE ./
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/page ./dist/page

# The user `node` of the base image, by number: Kubernetes cannot tell that a name is not root.
USER 1000:1000

# The data port, and the admin port. The latter is on loopback unless gateway.yaml says otherwise.
EXPOSE 8080 9090

# ADMIN_PORT where gateway.yaml puts the admin port elsewhere.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.ADMIN_PORT || 9090) + '/livez').then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Twice the room for young objects: they are collected half as often, for up to 50 MiB more.
ENTRYPOINT ["node", "--max-semi-space-size=32", "dist/src/cli.js"]
CMD ["start"]
